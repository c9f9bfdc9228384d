import { cva } from "class-variance-authority";
import { Label } from "radix-ui";
import { type ComponentProps, type ReactNode, useId } from "react";
import { cn } from "./cn";

const control = cva(
  "w-full rounded-control border border-line-strong bg-surface px-3.5 text-ink disabled:bg-subtle disabled:opacity-70 aria-invalid:border-danger",
);

export function Input({ className, ...rest }: ComponentProps<"input">) {
  // 16 pixels: below that iOS zooms in on what has the focus.
  return <input {...rest} className={cn(control(), "h-11 text-base", className)} />;
}

/** Grows with what is written in it. */
export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return (
    <textarea
      rows={2}
      {...rest}
      className={cn(
        control(),
        "field-sizing-content max-h-80 min-h-20 resize-none py-2.5 text-base",
        className,
      )}
    />
  );
}

export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select {...rest} className={cn(control(), "h-11 text-base", className)} />;
}

/** What ties a control to its label, hint and error. Spread it over the control. */
export type Tied = {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
};

type FieldProps = {
  label: ReactNode;
  hint?: ReactNode;
  /** What is wrong and how it becomes right; empty when nothing is. */
  error?: string | null | undefined;
  /** For those who see, the surroundings already say what it is. */
  hideLabel?: boolean;
  /** Where the control must be found from elsewhere. */
  id?: string;
  className?: string;
  children: (tied: Tied) => ReactNode;
};

/** `<Field label="Name">{(tied) => <Input {...tied} />}</Field>` */
export function Field({ label, hint, error, hideLabel = false, id: given, className, children }: FieldProps) {
  const own = useId();
  const id = given ?? own;
  const described = error ? `${id}-error` : hint ? `${id}-hint` : undefined;
  return (
    <div className={cn("flex flex-col gap-1.5", className)}>
      <Label.Root htmlFor={id} className={hideLabel ? "sr-only" : "font-medium text-sm"}>
        {label}
      </Label.Root>
      {children({ id, "aria-describedby": described, "aria-invalid": error ? true : undefined })}
      {error ? (
        <p id={`${id}-error`} role="alert" className="text-danger-ink text-sm">
          {error}
        </p>
      ) : hint ? (
        <p id={`${id}-hint`} className="text-muted text-sm">
          {hint}
        </p>
      ) : null}
    </div>
  );
}
