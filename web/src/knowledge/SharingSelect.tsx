import type { ComponentProps } from "react";
import { cn } from "../ui/cn";
import { Select } from "../ui/Field";
import { SHARINGS, type Sharing } from "./sharing";

type Props = Omit<ComponentProps<"select">, "value" | "onChange"> & {
  value: Sharing;
  onChange: (sharing: Sharing) => void;
};

export function SharingSelect({ value, onChange, className, ...rest }: Props) {
  return (
    <Select
      {...rest}
      value={value}
      onChange={(event) => onChange(event.target.value as Sharing)}
      className={cn("w-auto", className)}
    >
      {SHARINGS.map((sharing) => (
        <option key={sharing.value} value={sharing.value}>
          {sharing.label}
        </option>
      ))}
    </Select>
  );
}

/** What the three ways mean, beside where they are chosen. */
export function SharingLegend() {
  return (
    <dl className="flex flex-col gap-2 rounded-card bg-subtle p-4 text-sm">
      {SHARINGS.map(({ value, label, icon: Icon, meaning }) => (
        <div key={value} className="flex items-start gap-2.5">
          <Icon aria-hidden className="mt-1 size-4 shrink-0 text-muted" />
          <dt className="w-14 shrink-0 font-medium">{label}</dt>
          <dd className="text-muted">{meaning}</dd>
        </div>
      ))}
    </dl>
  );
}
