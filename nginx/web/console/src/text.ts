// How what others wrote, and when, is shown. Text of titles, tags and previews may hold characters that turn the order of
// what stands beside it; they are left out where it is shown, never where it is kept.
import type { Content, Message } from 'chat-sessions-client';

// Embeddings, overrides and isolates of Unicode's bidirectional algorithm. The marks LRM, RLM and ALM stay: real text
// needs them, and they turn nothing around.
const TURNING = /[\u202A-\u202E\u2066-\u2069]/g;
const CONTROLS = /[\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g;

/** One line of somebody's text, as it may stand among the page's own. Items of other programs may lack it. */
export const oneLine = (text: string | undefined): string => (text ?? '').replace(TURNING, '').replace(CONTROLS, ' ').trim();

/** Text of a program, with the characters that turn the order made visible: there the order is what it means. */
export const withVisibleMarks = (text: string): string =>
  text.replace(TURNING, (mark) => `\u2068[U+${mark.charCodeAt(0).toString(16).toUpperCase()}]\u2069`);

/** The text of a message: its parts' text, if it has parts. Empty where there is none. */
export function textOfContent(content: Content): string {
  if (content === null) return '';
  if (typeof content === 'string') return content;
  return content.map((part) => (typeof part['text'] === 'string' ? part['text'] : '')).filter(Boolean).join('\n\n');
}

export const nameOfRole = (role: string): string => role.charAt(0).toUpperCase() + role.slice(1);

export const plural = (count: number, one: string, more = `${one}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : more}`;

// ---- times ----

const DAY = 86_400_000;
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const dayOfAnyYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const wholeDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

// An earlier backend's times have no zone. They are UTC.
export function timeOf(value: string | number): Date | undefined {
  const text = typeof value === 'string' && !/(Z|[+-]\d\d:?\d\d)$/i.test(value) ? `${value}Z` : value;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

const startOfDay = (time: Date): number => new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
const daysAgo = (time: Date): number => Math.round((startOfDay(new Date()) - startOfDay(time)) / DAY);

/** Short, for a list: the time today, the weekday this week, else the day. */
export function shortTime(time: Date): string {
  const days = daysAgo(time);
  if (days === 0) return clock.format(time);
  if (days > 0 && days < 7) return weekday.format(time);
  return (time.getFullYear() === new Date().getFullYear() ? dayOfYear : dayOfAnyYear).format(time);
}

export const clockTime = (time: Date): string => clock.format(time);
export const fullTime = (time: Date): string => whole.format(time);

/** The heading over the messages of a day. */
export function dayName(time: Date): string {
  const days = daysAgo(time);
  if (days === 0) return 'Today';
  return days === 1 ? 'Yesterday' : wholeDay.format(time);
}

export const dayOfMessage = ({ timestamp }: Message): number => startOfDay(new Date(timestamp));
