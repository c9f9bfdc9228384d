import { ErrorBoundary } from "../layout/ErrorBoundary";
import { goToNewRequest } from "../layout/newRequest";
import { usePerson } from "../layout/usePerson";
import { Page } from "../ui/Page";
import { FilterBar } from "./FilterBar";
import { FirstSteps } from "./FirstSteps";
import { NewRequest } from "./NewRequest";
import { RequestList } from "./RequestList";
import { useDraft } from "./useDraft";
import { useFilters } from "./useFilters";

export default function RequestsPage() {
  const person = usePerson();
  return person ? <Requests personId={person._id} /> : null;
}

function Requests({ personId }: { personId: string }) {
  const { filters, change } = useFilters();
  const draft = useDraft(personId);
  return (
    <Page title="Requests">
      <NewRequest {...draft} />
      <FilterBar filters={filters} change={change} />
      <ErrorBoundary resetOn={JSON.stringify(filters)}>
        <RequestList
          filters={filters}
          onClear={() => change({ show: undefined, search: "" })}
          firstSteps={
            <FirstSteps
              onChoose={(text) => {
                draft.change({ text });
                goToNewRequest();
              }}
            />
          }
        />
      </ErrorBoundary>
    </Page>
  );
}
