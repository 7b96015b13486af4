// Windows above the page. The browser's own element keeps the keyboard inside, closes with Escape and gives the focus back.
import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { Question } from './context.js';
import { Icon } from './icons.js';

interface DialogProps {
  title: string;
  children: ComponentChildren;
  onClose(): void;
}

export function Dialog({ title, children, onClose }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = element.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); onClose(); }}
      onClick={(event) => { if (event.target === element.current) onClose(); }}>
      <div class="dialog">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface QuestionProps { question: Question; onAnswer(yes: boolean): void }

export function QuestionDialog({ question, onAnswer }: QuestionProps) {
  return (
    <Dialog title={question.title} onClose={() => onAnswer(false)}>
      <p class="question">{question.text}</p>
      <footer>
        <button type="button" autofocus onClick={() => onAnswer(false)}>Cancel</button>
        <button type="button" class="danger" onClick={() => onAnswer(true)}>{question.action}</button>
      </footer>
    </Dialog>
  );
}
