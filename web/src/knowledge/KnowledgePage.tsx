import { useSearchParams } from "wouter";
import { Badge } from "../ui/Badge";
import { Page } from "../ui/Page";
import { TabPanel, Tabs } from "../ui/Tabs";
import { Contacts } from "./Contacts";
import { Facts } from "./Facts";
import { useFacts } from "./useFacts";

/** What Floyd may use on a call: things about the person, and people they may want called. */
export default function KnowledgePage() {
  const facts = useFacts();
  const [search, setSearch] = useSearchParams();
  const shown = search.get("show") === "contacts" ? "contacts" : "facts";
  return (
    <Page
      title="What Floyd knows"
      subtitle="Floyd uses this when it calls for you. You decide what it may tell."
    >
      <Tabs
        label="What Floyd knows"
        value={shown}
        onValueChange={(tab) => setSearch(tab === "facts" ? {} : { show: tab }, { replace: true })}
        tabs={[
          {
            value: "facts",
            label: (
              <>
                About you
                {facts.offered.length > 0 && <Badge tone="warn">{facts.offered.length} new</Badge>}
              </>
            ),
          },
          { value: "contacts", label: "Contacts" },
        ]}
      >
        <TabPanel value="facts">
          <Facts facts={facts} />
        </TabPanel>
        <TabPanel value="contacts">
          <Contacts />
        </TabPanel>
      </Tabs>
    </Page>
  );
}
