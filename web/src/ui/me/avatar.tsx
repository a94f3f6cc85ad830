/** My picture: chosen, cut to a square, shown to everybody. */
import { ImagePlus, Trash2 } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { api, me } from '../../app/account';
import { type Key, t } from '../../i18n';
import type { Me } from '../../protocol/types';
import { type Crop, dragged, MOST_ZOOM, square, WHOLE } from '../../state/crop';
import { Avatar } from '../avatar';
import { Action } from '../button';
import { Dialog } from '../dialog';
import { Alert } from '../trouble';

const TYPES = 'image/png,image/jpeg,image/webp';
/** Twice as fine as it is ever shown. */
const SENT_PX = 512;
const SHOWN_PX = 256;

export function MyPicture({ me: mine }: { me: Me }) {
  const file = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<ImageBitmap | null>(null);
  const [unreadable, setUnreadable] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const choose = async (found: File | undefined): Promise<void> => {
    setUnreadable(false);
    setError(null);
    if (!found) return;
    try {
      setChosen(await createImageBitmap(found));
    } catch {
      setUnreadable(true);
    }
  };
  const remove = async (): Promise<void> => {
    setError(null);
    try {
      await api.removeAvatar();
      me.value = await api.me();
    } catch (problem) {
      setError(problem);
    }
  };

  return (
    <section class="card" aria-labelledby="picture">
      <h2 id="picture">{t('myPicture')}</h2>
      <div class="row">
        <Avatar of={mine} class="large-avatar" />
        <input
          ref={file}
          hidden
          type="file"
          accept={TYPES}
          onChange={(event) => {
            void choose(event.currentTarget.files?.[0]);
            // The same file once more is a choice too.
            event.currentTarget.value = '';
          }}
        />
        <Action icon={ImagePlus} name={t('choosePicture')} press={() => file.current?.click()} />
        {mine.avatarUrl && <Action icon={Trash2} name={t('removePicture')} press={() => void remove()} />}
      </div>
      <Alert error={unreadable || error} words={unreadable ? t('pictureUnreadable') : undefined} />
      {chosen && <Cut picture={chosen} close={() => setChosen(null)} />}
    </section>
  );
}

function draw(canvas: HTMLCanvasElement, picture: ImageBitmap, crop: Crop): void {
  const { left, top, size } = square(picture.width, picture.height, crop);
  const context = canvas.getContext('2d');
  if (!context) return;
  context.imageSmoothingQuality = 'high';
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, left, top, size, size, 0, 0, canvas.width, canvas.height);
}

async function cutOut(picture: ImageBitmap, crop: Crop): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = SENT_PX;
  canvas.height = SENT_PX;
  draw(canvas, picture, crop);
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error('no picture'))), 'image/webp', 0.92));
}

const RANGES: { of: keyof Crop; name: Key; min: number; max: number }[] = [
  { of: 'zoom', name: 'cropZoom', min: 1, max: MOST_ZOOM },
  { of: 'x', name: 'cropX', min: 0, max: 1 },
  { of: 'y', name: 'cropY', min: 0, max: 1 },
];

function Cut({ picture, close }: { picture: ImageBitmap; close: () => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const held = useRef<{ x: number; y: number } | null>(null);
  const [crop, setCrop] = useState(WHOLE);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (canvas.current) draw(canvas.current, picture, crop);
  }, [picture, crop]);
  useEffect(() => () => picture.close(), []);

  const drag = (event: PointerEvent): void => {
    const { width } = (event.currentTarget as HTMLCanvasElement).getBoundingClientRect();
    if (!held.current) return;
    const [dx, dy] = [(event.clientX - held.current.x) / width, (event.clientY - held.current.y) / width];
    held.current = { x: event.clientX, y: event.clientY };
    setCrop((now) => dragged(now, picture.width, picture.height, dx, dy));
  };
  const save = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await api.setAvatar(await cutOut(picture, crop));
      me.value = await api.me();
      close();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };

  return (
    <Dialog title={t('cropTitle')} onClose={close} firm>
      <canvas
        ref={canvas}
        class="crop"
        width={SHOWN_PX}
        height={SHOWN_PX}
        role="img"
        aria-label={t('cropPreview')}
        onPointerDown={(event) => {
          held.current = { x: event.clientX, y: event.clientY };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={drag}
        onPointerUp={() => (held.current = null)}
        onPointerCancel={() => (held.current = null)}
      />
      {RANGES.map(({ of, name, min, max }) => (
        <label key={of} class="range">
          <span>{t(name)}</span>
          <input
            type="range"
            min={min}
            max={max}
            step={(max - min) / 50}
            value={crop[of]}
            onInput={(event) => setCrop({ ...crop, [of]: event.currentTarget.valueAsNumber })}
          />
        </label>
      ))}
      <Alert error={error} />
      <div class="row end-row">
        <button type="button" class="plain" onClick={close}>
          {t('cancel')}
        </button>
        <button type="button" class="primary" disabled={busy} onClick={() => void save()}>
          {t('save')}
        </button>
      </div>
    </Dialog>
  );
}
