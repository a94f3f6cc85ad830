/** Preview, pickers and level meter; what the browser blocked, and how to allow it. */
import { Camera, CameraOff } from 'lucide-preact';
import { useEffect, useId, useState } from 'preact/hooks';

import { t } from '../i18n';
import * as devices from '../media/devices';
import { Picture } from './picture';

export function Devices() {
  const [asking, setAsking] = useState(false);
  const stream = devices.local.value;
  const ask = async (): Promise<void> => {
    setAsking(true);
    await devices.open();
    setAsking(false);
  };
  return (
    <div class="devices">
      <div class="preview">
        {stream ? (
          <>
            <Picture stream={stream} mirrored muted label={t('you')} />
            {!devices.isOn('video') && (
              <div class="off">
                <CameraOff aria-hidden="true" />
                <span>{t('cameraOff')}</span>
              </div>
            )}
          </>
        ) : (
          <button type="button" disabled={asking} onClick={() => void ask()}>
            <Camera aria-hidden="true" />
            {t(devices.problem.value ? 'tryAgain' : 'askDevices')}
          </button>
        )}
      </div>
      {asking && (
        <p class="quiet" role="status">
          {t('asking')}
        </p>
      )}
      <DeviceProblem />
      {stream && (
        <div class="pickers">
          <Picker kind="camera" of="videoinput" />
          <Picker kind="microphone" of="audioinput" />
          <Level stream={stream} />
          <Picker kind="speaker" of="audiooutput" />
        </div>
      )}
    </div>
  );
}

export function DeviceProblem() {
  const problem = devices.problem.value;
  return (
    <p class="alert" role="alert">
      {problem ? t(`device_${problem}`) : ''}
    </p>
  );
}

function Picker({ kind, of }: { kind: devices.Kind; of: MediaDeviceKind }) {
  const id = useId();
  const all = devices.devices.value.filter((device) => device.kind === of && device.deviceId);
  if (!all.length) return null;
  const chosen = devices.choice.value[kind] ?? '';
  return (
    <div class="picker">
      <label for={id}>{t(kind)}</label>
      <select id={id} value={chosen} onChange={(event) => void devices.choose(kind, event.currentTarget.value)}>
        {!all.some((device) => device.deviceId === chosen) && <option value="">{t('standard')}</option>}
        {all.map((device, i) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || `${t(kind)} ${i + 1}`}
          </option>
        ))}
      </select>
    </div>
  );
}

function Level({ stream }: { stream: MediaStream }) {
  const [level, setLevel] = useState(0);
  useEffect(() => devices.meter(stream, setLevel), [stream]);
  return <meter aria-label={t('level')} min={0} max={1} value={level} />;
}
