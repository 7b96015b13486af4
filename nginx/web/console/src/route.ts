// Where on the page one is, as the address says it: #/USER/SESSION. So the browser's back button works, and a conversation
// can be opened in a tab of its own.
import { useEffect, useState } from 'preact/hooks';

export interface Route { userId: string; sessionId: string }

const decoded = (text: string | undefined): string => {
  try {
    return decodeURIComponent(text ?? '');
  } catch {
    return '';
  }
};

export function routeOf(hash: string): Route {
  const [, userId, sessionId] = hash.replace(/^#/, '').split('/');
  return { userId: decoded(userId), sessionId: decoded(sessionId) };
}

export const linkTo = (userId: string, sessionId?: string): string =>
  `#/${encodeURIComponent(userId)}${sessionId ? `/${encodeURIComponent(sessionId)}` : ''}`;

export function go(userId: string, sessionId?: string): void {
  location.hash = userId ? linkTo(userId, sessionId) : '';
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const changed = () => setRoute(routeOf(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}
