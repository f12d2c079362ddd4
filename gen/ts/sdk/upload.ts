import type { Client } from '../src/gen/client/index.js';
import { type Asset, completeUpload, createUpload, type SignedUpload, type UploadContentType, type UploadType } from '../src/gen/index.js';
import { MugshotError } from './error.js';

export interface SendFileOptions {
  /** The answer of `createUpload` or `createSignupPhotoUpload`. */
  upload: SignedUpload;
  file: Blob;
  signal?: AbortSignal;
  /** Told how many bytes have gone. Where the platform has no XMLHttpRequest, as in Node, it hears of the end alone. */
  onProgress?: (sent: number, total: number) => void;
}

export interface UploadAssetOptions extends Omit<SendFileOptions, 'upload'> {
  type: UploadType;
  /** Default: the file's own type. */
  contentType?: UploadContentType;
  client?: Client;
}

/**
 * Uploads a picture: announces it, sends the file straight to the storage, and has it checked. Rejects with a
 * MugshotError: what the server says of the picture, `upload_missing` where the storage did not take it, `unavailable`
 * where it could not be reached; or with the signal's reason.
 */
export async function uploadAsset(options: UploadAssetOptions): Promise<Asset> {
  const { type, file, contentType = file.type as UploadContentType, client, signal } = options;
  const call = { ...(client && { client }), ...(signal && { signal }), throwOnError: true as const };
  const { data: upload } = await createUpload({ ...call, body: { type, content_type: contentType, size_bytes: file.size } });
  await sendFile({ ...options, upload });
  const { data: asset } = await completeUpload({ ...call, path: { asset_id: upload.asset_id } });
  return asset;
}

/** Sends a file to the storage and nothing more: for the photo of somebody who signs up. Rejects as `uploadAsset` does. */
export async function sendFile(options: SendFileOptions): Promise<void> {
  options.signal?.throwIfAborted();
  const status = await (options.onProgress && 'XMLHttpRequest' in globalThis ? sendWatched(options) : send(options));
  if (status < 200 || status > 299) throw refused(status);
  options.onProgress?.(options.file.size, options.file.size);
}

async function send({ upload, file, signal }: SendFileOptions): Promise<number> {
  try {
    const { method, headers, url } = upload;
    const { status } = await fetch(url, { method, headers, body: file, credentials: 'omit', ...(signal && { signal }) });
    return status;
  } catch (error) {
    throw signal?.aborted ? signal.reason : unreachable(error);
  }
}

/** Sends by XMLHttpRequest, because fetch tells nobody how far it is. */
function sendWatched({ upload, file, signal, onProgress }: SendFileOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.upload.onprogress = ({ loaded }) => onProgress?.(Math.min(loaded, file.size), file.size);
    request.onload = () => resolve(request.status);
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(signal?.reason);
    request.onloadend = () => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort);
    request.open(upload.method, upload.url);
    for (const [name, value] of Object.entries(upload.headers)) request.setRequestHeader(name, value);
    request.send(file);
  });
}

const unreachable = (cause?: unknown): MugshotError =>
  new MugshotError({ code: 'unavailable', message: 'The storage could not be reached.' }, undefined, cause);

const refused = (status: number): MugshotError =>
  status >= 500
    ? new MugshotError({ code: 'unavailable', message: `The storage answered ${status}.` })
    : new MugshotError({ code: 'upload_missing', message: `The storage did not take the file: it answered ${status}.` });
