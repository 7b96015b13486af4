// Copies text. Without TLS, on another machine than one's own, a browser gives a page no clipboard: then the older way.
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard as Clipboard | undefined) return navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.className = 'off-screen';
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (!done) throw new Error('The browser did not let the page copy.');
}
