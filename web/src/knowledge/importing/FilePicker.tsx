import { FileUp } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { cn } from "../../ui/cn";

type Props = {
  label: ReactNode;
  hint: string;
  /** As the attribute of an input. */
  accept: string;
  onPick: (file: File) => void;
};

/** Choose a file, or drop one. */
export function FilePicker({ label, hint, accept, onPick }: Props) {
  const id = useId();
  const [over, setOver] = useState(false);
  return (
    <label
      htmlFor={id}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const file = event.dataTransfer.files[0];
        if (file !== undefined) onPick(file);
      }}
      className={cn(
        "flex cursor-pointer flex-col items-center gap-1 rounded-card border border-line-strong border-dashed px-4 py-6 text-center focus-within:outline-2 focus-within:outline-accent focus-within:outline-offset-2 hover:bg-subtle",
        over && "bg-accent-soft",
      )}
    >
      <FileUp aria-hidden className="size-6 text-muted" />
      <span className="font-medium">{label}</span>
      <span id={`${id}-hint`} className="text-muted text-sm">
        {hint}
      </span>
      <input
        id={id}
        type="file"
        accept={accept}
        aria-describedby={`${id}-hint`}
        className="sr-only"
        onChange={(event) => {
          const file = event.target.files?.[0];
          // The same file picked again is news: it may have been changed.
          event.target.value = "";
          if (file !== undefined) onPick(file);
        }}
      />
    </label>
  );
}
