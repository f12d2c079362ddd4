// One process for all, since the runner gives each test file its own, and then each its own world.
import './session.js';
import './forgery.js';
import './headers.js';
import './web.js';
