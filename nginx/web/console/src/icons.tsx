// The page's icons, drawn with strokes of the text's colour. They say nothing to a screen reader: the button that holds one
// has a name.
const PATHS = {
  logo: 'M5 6.5A2.5 2.5 0 0 1 7.5 4h9A2.5 2.5 0 0 1 19 6.5v6a2.5 2.5 0 0 1-2.5 2.5H12l-4 4v-4h-.5A2.5 2.5 0 0 1 5 12.5zM9 8h6M9 11h4',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20',
  plus: 'M12 5v14M5 12h14',
  pin: 'M9 4h6l-.7 6 3.2 3.5H6.5L9.7 10zM12 13.5V20',
  archive: 'M4 5h16v4H4zM5.5 9v10h13V9M10 12.5h4',
  trash: 'M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 12.5h9l1-12.5M10 10.5v5.5M14 10.5v5.5',
  pencil: 'M4.5 19.5l1-4L16 5l3 3L8.5 18.5zM13.5 7.5l3 3',
  upload: 'M12 16V5M7.5 9L12 4.5 16.5 9M5 15v4.5h14V15',
  download: 'M12 4.5v11M7.5 11.5L12 16l4.5-4.5M5 15v4.5h14V15',
  back: 'M14.5 5.5L8 12l6.5 6.5',
  copy: 'M9 9h10.5v10.5H9zM5.5 15H4.5V4.5H15v1',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M12 19V5.5M6 11l6-6 6 6',
  more: 'M5.5 12h.8M11.6 12h.8M17.7 12h.8M5.5 12.3h.8M11.6 12.3h.8M17.7 12.3h.8',
  down: 'M12 5v13M6.5 12.5L12 18l5.5-5.5',
  tag: 'M4.5 4.5h7.5l7.5 7.5-7.5 7.5L4.5 12zM8.5 8.5h.01',
  refresh: 'M19 12a7 7 0 1 1-2-5M17 3v4h-4',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false" fill="none" stroke="currentColor" stroke-width="1.8"
      stroke-linecap="round" stroke-linejoin="round"><path d={PATHS[name]} /></svg>
  );
}
