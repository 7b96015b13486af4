// Files that are dragged over the page and dropped anywhere on it.
import { useEffect, useState } from 'preact/hooks';

const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;

/** Whether files are held over the page; `onFiles` gets them when they are dropped. */
export function useDroppedFiles(onFiles: (files: File[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let depth = 0; // enter and leave come for each element that is crossed
    const leave = () => {
      depth -= 1;
      if (depth <= 0) setOver(false);
    };
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const over = (event: DragEvent) => { if (hasFiles(event)) event.preventDefault(); };
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      onFiles([...event.dataTransfer!.files]);
    };
    const listeners: [string, (event: DragEvent) => void][] = [
      ['dragenter', enter], ['dragleave', leave], ['dragover', over], ['drop', drop],
    ];
    for (const [name, listener] of listeners) addEventListener(name, listener as EventListener);
    return () => { for (const [name, listener] of listeners) removeEventListener(name, listener as EventListener); };
  }, [onFiles]);
  return isOver;
}
