import { configureMugshot, cookieSession } from '@mugshot-studio/sdk';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';

const baseUrl = new URLSearchParams(location.search).get('api');
configureMugshot({ ...(baseUrl && { baseUrl }), session: cookieSession() });

createRoot(document.querySelector('#root')!).render(
  <StrictMode>
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
