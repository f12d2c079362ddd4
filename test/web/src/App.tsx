import { MugshotError, uploadAsset } from '@mugshot-studio/sdk';
import { getMeOptions, listPlatformsOptions, signInMutation } from '@mugshot-studio/sdk/react-query';
import { zSignInRequest } from '@mugshot-studio/sdk/zod';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { explain } from './explain';

/** Uses each part of the SDK once, as a front end would. */
export function App() {
  const platforms = useQuery(listPlatformsOptions());
  const me = useQuery(getMeOptions());
  return (
    <main>
      <ul aria-label="platforms">{platforms.data?.items.map(({ id, name }) => <li key={id}>{name}</li>)}</ul>
      {me.data ? <Photo name={me.data.full_name} url={me.data.profile_photo?.url} /> : <SignIn />}
    </main>
  );
}

function SignIn() {
  const queries = useQueryClient();
  const signIn = useMutation({ ...signInMutation(), onSuccess: () => queries.invalidateQueries() });
  const [problem, setProblem] = useState('');
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = Object.fromEntries(new FormData(event.currentTarget));
    const { data: body, error } = zSignInRequest.safeParse({ ...form, cookie: true });
    setProblem(error ? error.issues.map(({ path }) => path.join('.')).join(', ') : '');
    if (body) signIn.mutate({ body });
  };
  return (
    <form onSubmit={submit} noValidate>
      <input name="email" />
      <input name="password" type="password" />
      <button disabled={signIn.isPending}>Sign in</button>
      <p role="alert">{problem || (signIn.error instanceof MugshotError && explain(signIn.error))}</p>
    </form>
  );
}

function Photo({ name, url }: { name: string; url: string | undefined }) {
  const queries = useQueryClient();
  const [percent, setPercent] = useState<number>();
  const upload = useMutation({
    mutationFn: (file: File) =>
      uploadAsset({ type: 'profile_photo', file, onProgress: (sent, total) => setPercent(Math.round((100 * sent) / total)) }),
    onSuccess: () => queries.invalidateQueries(),
  });
  return (
    <section>
      <h1>{name}</h1>
      <input type="file" onChange={({ target }) => target.files?.[0] && upload.mutate(target.files[0])} />
      {percent !== undefined && <progress max={100} value={percent} />}
      {url && <img src={url} alt="profile" />}
    </section>
  );
}
