import { render } from 'preact';
import { App } from './app.js';
import './style/base.css';
import './style/list.css';
import './style/conversation.css';
import './style/dialogs.css';
import { applyTheme } from './theme.js';

applyTheme();
render(<App />, document.getElementById('console')!);
