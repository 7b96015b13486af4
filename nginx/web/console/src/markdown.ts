// Markdown of somebody else's as elements that can do no harm. Two walls, each of which holds alone: marked is told to
// show HTML as the text that it is, and DOMPurify lets through only the few elements that Markdown is made of.
import DOMPurify, { type Config } from 'dompurify';
import { Marked, type Tokens } from 'marked';
import { copyText } from './clipboard.js';
import { withVisibleMarks } from './text.js';

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escapeHtml(text),
    // An image of elsewhere would tell its server who reads what: it is a link. (The page's policy forbids it, too.)
    image({ href, text }: Tokens.Image) {
      return /^data:image\/(png|jpeg|gif|webp);/i.test(href) ? `<img src="${escapeHtml(href)}" alt="${escapeHtml(text)}">`
        : `<a href="${escapeHtml(href)}">${escapeHtml(text || 'image')}</a>`;
    },
    checkbox: ({ checked }: Tokens.Checkbox) => (checked ? '☑ ' : '☐ '),
  },
});

const ALLOWED: Config & { RETURN_DOM_FRAGMENT: true } = {
  ALLOWED_TAGS: ['a', 'b', 'blockquote', 'br', 'code', 'del', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'img', 'li',
    'ol', 'p', 'pre', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
  ALLOWED_ATTR: ['href', 'title', 'src', 'alt', 'class', 'start', 'align'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  RETURN_DOM_FRAGMENT: true,
};

function secureLink(link: Element): void {
  if (!link.hasAttribute('href')) return;
  link.setAttribute('target', '_blank');
  link.setAttribute('rel', 'noopener noreferrer nofollow');
}

// A class comes from marked alone (the language of a code block); anything else would dress up as a part of the page.
function keepLanguage(element: Element): string {
  const language = element.tagName === 'CODE' ? /^language-([\w+#.-]{1,30})/.exec(element.className)?.[1] : undefined;
  element.removeAttribute('class');
  return language ?? '';
}

function copyButton(text: string, copied: () => void): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy-code';
  button.textContent = 'Copy';
  button.setAttribute('aria-label', 'Copy code');
  button.addEventListener('click', () => {
    copyText(text).then(() => {
      button.textContent = 'Copied';
      setTimeout(() => { button.textContent = 'Copy'; }, 2_000);
      copied();
    }, () => { button.textContent = 'Not copied'; });
  });
  return button;
}

// A code block gets a bar with its language and a button, and can be scrolled with the keyboard.
function frameCode(pre: Element, language: string, copied: () => void): void {
  const code = pre.firstElementChild ?? pre;
  const text = code.textContent ?? '';
  code.textContent = withVisibleMarks(text);
  const frame = document.createElement('div');
  frame.className = 'code';
  const bar = document.createElement('div');
  bar.className = 'code-bar';
  const name = document.createElement('span');
  name.textContent = language || 'text';
  bar.append(name, copyButton(text, copied));
  pre.replaceWith(frame);
  scrollable(pre, language ? `Code, ${language}` : 'Code');
  frame.append(bar, pre);
}

function scrollable(element: Element, label: string): void {
  element.setAttribute('tabindex', '0');
  element.setAttribute('role', 'region');
  element.setAttribute('aria-label', label);
}

function frameTable(table: Element): void {
  const frame = document.createElement('div');
  frame.className = 'table';
  scrollable(frame, 'Table');
  table.replaceWith(frame);
  frame.append(table);
}

// Headings of a message stand below the page's own: level 1 of it is level 4 of the page.
function lowerHeading(heading: Element): void {
  const level = Math.min(6, Number(heading.tagName.charAt(1)) + 3);
  const lowered = document.createElement(`h${level}`);
  lowered.className = `was-${heading.tagName.toLowerCase()}`;
  lowered.append(...heading.childNodes);
  heading.replaceWith(lowered);
}

// Longer texts are a log or a file more often than prose, and would hold the page up.
const LONGEST = 100_000;

function plainText(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const block = document.createElement('p');
  block.className = 'plain';
  block.dir = 'auto';
  block.textContent = text;
  fragment.append(block);
  return fragment;
}

/** The elements for a message's text. `copied` is told when somebody has copied a code block. */
export function renderMarkdown(text: string, copied: () => void): DocumentFragment {
  if (text.length > LONGEST) return plainText(text);
  try {
    return markdownElements(text, copied);
  } catch {
    return plainText(text); // nested thousands of levels deep, say
  }
}

function markdownElements(text: string, copied: () => void): DocumentFragment {
  const html = marked.parse(text, { async: false });
  const fragment = DOMPurify.sanitize(html, ALLOWED);
  const languages = new Map<Element, string>();
  for (const element of fragment.querySelectorAll('[class]')) languages.set(element, keepLanguage(element));
  for (const link of fragment.querySelectorAll('a')) secureLink(link);
  for (const pre of fragment.querySelectorAll('pre')) {
    frameCode(pre, languages.get(pre.firstElementChild ?? pre) ?? '', copied);
  }
  for (const code of fragment.querySelectorAll(':not(pre) > code')) code.textContent = withVisibleMarks(code.textContent ?? '');
  for (const table of fragment.querySelectorAll('table')) frameTable(table);
  for (const heading of fragment.querySelectorAll('h1,h2,h3,h4,h5,h6')) lowerHeading(heading);
  for (const block of fragment.querySelectorAll('p,li,blockquote,h4,h5,h6,td,th')) block.setAttribute('dir', 'auto');
  return fragment;
}
