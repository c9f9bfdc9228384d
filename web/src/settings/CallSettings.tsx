import { useMutation } from "convex/react";
import { api, type Doc } from "../api";
import { inWords } from "../knowledge/importing/reasons";
import { Field, Input } from "../ui/Field";
import { Switch } from "../ui/Switch";
import { asForm, asStored } from "./callSettings";
import { SettingsForm } from "./SettingsForm";
import { useEdits } from "./useEdits";
import { zoneName } from "./zones";

/** When Floyd calls, how long, with what money and which voice. */
export function CallSettings({ me }: { me: Doc<"users"> }) {
  const update = useMutation(api.users.update);
  const { values, set, wrong, ...form } = useEdits(asForm(me), (_changes, all) => update(asStored(all)));
  const error = (...fields: string[]) =>
    wrong?.field !== undefined && fields.includes(wrong.field) ? inWords(wrong.message) : undefined;
  return (
    <SettingsForm title="Calls" {...form}>
      <div className="flex flex-col gap-3">
        <Switch
          label="Only call within certain hours"
          hint={`What you ask for outside of them waits until they begin. In your time zone, ${zoneName(me.timezone)}.`}
          checked={values.withinHours}
          onCheckedChange={(within) => set("withinHours", within)}
        />
        {values.withinHours && (
          <div className="grid grid-cols-2 gap-3">
            <Field label="From" error={error("callHours.from")}>
              {(tied) => (
                <Input
                  {...tied}
                  type="time"
                  value={values.from}
                  onChange={(event) => set("from", event.target.value)}
                />
              )}
            </Field>
            <Field label="To" error={error("callHours.to")}>
              {(tied) => (
                <Input
                  {...tied}
                  type="time"
                  value={values.to}
                  onChange={(event) => set("to", event.target.value)}
                />
              )}
            </Field>
          </div>
        )}
      </div>
      <Field
        label="Longest call, in minutes"
        hint="Then Floyd says goodbye, on hold or not."
        error={error("limits.maxCallMinutes", "limits")}
      >
        {(tied) => (
          <Input
            {...tied}
            inputMode="numeric"
            value={values.minutes}
            onChange={(event) => set("minutes", event.target.value)}
          />
        )}
      </Field>
      <Field
        label="Most that Floyd may agree to spend, in US dollars"
        hint="On one request, when the request itself does not say. Leave it empty to be asked."
        error={error("limits.maxSpendUsd")}
      >
        {(tied) => (
          <Input
            {...tied}
            inputMode="decimal"
            value={values.spend}
            onChange={(event) => set("spend", event.target.value)}
          />
        )}
      </Field>
      <Switch
        label="Record calls"
        hint="The sound of each call is kept where Floyd runs. In many places everybody on the line has to agree first."
        checked={values.record}
        onCheckedChange={(record) => set("record", record)}
      />
      <Field
        label="Voice"
        hint="By the name that the speech provider has for it, like alloy. Leave it empty for the usual one."
        error={error("voice")}
      >
        {(tied) => (
          <Input
            {...tied}
            autoComplete="off"
            spellCheck={false}
            value={values.voice}
            onChange={(event) => set("voice", event.target.value)}
          />
        )}
      </Field>
    </SettingsForm>
  );
}
