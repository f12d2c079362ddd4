import type { Job, Message, Session } from '../sdk/index.js';

export function session(n: number): Session {
  return {
    session_token: `token-${n}`,
    token_type: 'Bearer',
    expires_in: 900,
    refresh_token: `refresh-${n}`,
    session_id: '0199f3a1-9c3d-7f52-a2d8-1f0e9d8c7b6a',
    user: {
      id: '0199f3a0-5d2c-7a41-b1c7-0e9d8f7a6b5c',
      email: 'ada@example.com',
      email_confirmed: true,
      username: 'ada.lovelace',
      full_name: 'Ada Lovelace',
      dob: '1995-12-10',
      profile_photo: null,
      second_factor_enabled: false,
      plan: 'free',
      credits: 42,
      created_at: '2026-11-20T09:30:00Z',
      updated_at: '2026-11-21T18:05:12Z',
    },
  };
}

/** A job that runs, or at version 9 has succeeded. */
export function job(version: number): Job {
  const done = version === 9;
  return {
    id: '0199f3a4-11d0-7e2f-8a43-6b7c8d9e0f12',
    project_id: '0199f3a2-7c1e-7b60-9d55-3f8a1c2b4d5e',
    model: 'nano_banana',
    quality: 'std',
    variants: 1,
    status: done ? 'succeeded' : 'running',
    stage: done ? 'done' : 'generating',
    progress: done ? 100 : version * 10,
    attempt: 1,
    cost_credits: 2,
    refunded: false,
    refunded_credits: 0,
    error: null,
    provider_meta: null,
    renders: [],
    version,
    queued_at: '2026-11-21T18:05:00Z',
    started_at: '2026-11-21T18:05:01Z',
    finished_at: done ? '2026-11-21T18:05:12Z' : null,
  };
}

/** A reply with a text so far, that is being written unless it says otherwise. */
export function reply(content: string, status: Message['status'] = 'streaming'): Message {
  return {
    id: '0199f3aa-4e5f-7061-9273-8e9fa0b1c2d3',
    chat_id: '0199f3a9-3d4e-7f50-8162-7d8e9fa0b1c2',
    seq: 2,
    sender: 'ai',
    content,
    status,
    error: null,
    suggestion: null,
    created_at: '2026-11-21T18:05:00Z',
  };
}
