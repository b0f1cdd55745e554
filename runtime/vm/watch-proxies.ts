/** An import that has to come before `ses`, which takes the constructor `Proxy` as it finds it. */

import { watchProxies } from '../proxies.js';

watchProxies();
