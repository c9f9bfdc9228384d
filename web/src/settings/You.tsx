import { useMutation } from "convex/react";
import { api, type Doc } from "../api";
import { inWords } from "../knowledge/importing/reasons";
import { Button } from "../ui/Button";
import { Field, Input, Select } from "../ui/Field";
import { useNow } from "../ui/useNow";
import { languageChoices } from "./languages";
import { SettingsForm } from "./SettingsForm";
import { useEdits } from "./useEdits";
import { ZonePicker } from "./ZonePicker";
import { timeIn, zoneName } from "./zones";

/** Who Floyd calls for. */
export function You({ me }: { me: Doc<"users"> }) {
  const update = useMutation(api.users.update);
  const stored = {
    name: me.name,
    phone: me.phone ?? "",
    timezone: me.timezone,
    language: me.language ?? "",
  };
  const { values, set, wrong, ...form } = useEdits(stored, ({ phone, ...changes }) =>
    update({ ...changes, ...(phone === undefined ? {} : { phone: phone.trim() === "" ? null : phone }) }),
  );
  const error = (field: string) => (wrong?.field === field ? inWords(wrong.message) : undefined);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const now = useNow();
  return (
    <SettingsForm title="You" {...form}>
      <Field label="Name" hint="Floyd says it when it introduces itself." error={error("name")}>
        {(tied) => (
          <Input
            {...tied}
            autoComplete="name"
            value={values.name}
            onChange={(event) => set("name", event.target.value)}
          />
        )}
      </Field>
      <Field
        label="Your phone number"
        hint="With the country code, like +1 415 555 0134. Floyd texts you its questions, and never calls it. Leave it empty for none."
        error={error("phone")}
      >
        {(tied) => (
          <Input
            {...tied}
            type="tel"
            autoComplete="tel"
            value={values.phone}
            onChange={(event) => set("phone", event.target.value)}
          />
        )}
      </Field>
      <div className="flex flex-col items-start gap-2">
        <Field
          label="Time zone"
          hint={`It is ${timeIn(values.timezone, now)} there now.`}
          error={error("timezone")}
          className="w-full"
        >
          {(tied) => (
            <ZonePicker tied={tied} value={values.timezone} onChange={(zone) => set("timezone", zone)} />
          )}
        </Field>
        {here !== values.timezone && (
          <Button
            size="sm"
            className="h-auto min-h-9 max-w-full whitespace-normal py-1.5 text-left"
            onClick={() => set("timezone", here)}
          >
            Use this device's: {zoneName(here)}
          </Button>
        )}
      </div>
      <Field label="Language of calls" error={error("language")}>
        {(tied) => (
          <Select {...tied} value={values.language} onChange={(event) => set("language", event.target.value)}>
            <option value="">Not chosen: English</option>
            {languageChoices(stored.language).map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
    </SettingsForm>
  );
}
