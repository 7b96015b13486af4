// Whose conversations are shown, and the token that proves it. Both are kept for as long as the tab is open.
import { useState } from 'preact/hooks';
import { Icon } from './icons.js';

export interface Account { userId: string; token: string }

const KEY = 'chat-sessions-console';

export function storedAccount(): Account {
  try {
    const { userId, token } = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Partial<Account>;
    return { userId: userId ?? '', token: token ?? '' };
  } catch {
    return { userId: '', token: '' };
  }
}

export function storeAccount(account: Account): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(account));
  } catch {
    // A browser that keeps nothing: the account lasts until the page is loaded anew.
  }
}

/** Whom a token names in `sub`, as far as it can be read. The service decides; this only fills the field in. */
export function userOfToken(token: string): string {
  try {
    const payload = token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown };
    return typeof sub === 'string' ? sub : '';
  } catch {
    return '';
  }
}

interface SignInProps {
  account: Account;
  /** Why one is here again. */
  problem: string;
  onDone(account: Account): void;
}

export function SignIn({ account, problem, onDone }: SignInProps) {
  const [userId, setUserId] = useState(account.userId);
  const [token, setToken] = useState(account.token);
  const takeToken = (text: string) => {
    const bare = text.trim().replace(/^Bearer\s+/i, '');
    setToken(bare);
    const named = userOfToken(bare);
    if (named) setUserId(named);
  };
  return (
    <main class="sign-in">
      <form onSubmit={(event) => { event.preventDefault(); if (userId) onDone({ userId, token }); }}>
        <h1><Icon name="logo" /> Chat Sessions</h1>
        <p>Browse, search and edit the conversations that this service keeps.</p>
        {problem && <p class="problem" role="alert">{problem}</p>}
        <label for="user">User</label>
        <input id="user" value={userId} onInput={(event) => setUserId(event.currentTarget.value)} required autocomplete="username"
          autocapitalize="off" spellcheck={false} dir="auto" placeholder="alice" aria-describedby="user-note" autofocus />
        <p id="user-note" class="note">The user_id that the conversations belong to.</p>
        <details open={token !== '' || problem !== ''}>
          <summary>The service asks for a token</summary>
          <label for="token">Bearer token</label>
          <textarea id="token" rows={4} value={token} onInput={(event) => takeToken(event.currentTarget.value)} spellcheck={false}
            autocomplete="off" placeholder="eyJhbGciOi…" aria-describedby="token-note" />
          <p id="token-note" class="note">It stays in this tab and is forgotten when the tab is closed.</p>
        </details>
        <button class="primary" type="submit">Show conversations</button>
      </form>
    </main>
  );
}
