// Light or dark: as the system has it, unless one says otherwise.
import { useState } from 'preact/hooks';

const KEY = 'chat-sessions-console-theme';
const THEMES = { '': 'As the system', light: 'Light', dark: 'Dark' } as const;
type Theme = keyof typeof THEMES;

function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === 'light' || stored === 'dark' ? stored : '';
  } catch {
    return '';
  }
}

function show(theme: Theme): void {
  if (theme) document.documentElement.dataset['theme'] = theme;
  else delete document.documentElement.dataset['theme'];
}

export const applyTheme = (): void => show(storedTheme());

export function ThemeChoice() {
  const [theme, setTheme] = useState(storedTheme);
  const choose = (chosen: Theme) => {
    setTheme(chosen);
    show(chosen);
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // It lasts until the page is loaded anew.
    }
  };
  return (
    <label class="theme">Colours
      <select value={theme} onChange={(event) => choose(event.currentTarget.value as Theme)}>
        {(Object.keys(THEMES) as Theme[]).map((name) => <option key={name} value={name}>{THEMES[name]}</option>)}
      </select>
    </label>
  );
}
