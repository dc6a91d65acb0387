import { useEffect, useId, useRef, type ReactNode } from "react";
import { Icon } from "./icons";

/** The browser's own modal: it keeps the focus, closes on Escape, and gives the focus back. */
export function Dialog({ title, open, onClose, children, footer, className }: {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  className?: string;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (open && dialog && !dialog.open) dialog.showModal();
  }, [open]);
  if (!open) return null;
  return (
    <dialog
      ref={ref} aria-labelledby={id} className={className} onClose={onClose}
      onClick={(event) => event.target === ref.current && ref.current.close()}
    >
      <header>
        <h2 id={id} className="grow">
          {title}
        </h2>
        <button type="button" className="icon-button" aria-label="Close" onClick={() => ref.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <div className="content">{children}</div>
      {footer && <footer>{footer}</footer>}
    </dialog>
  );
}
