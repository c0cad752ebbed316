/** A form whose fields are written as one types. What is wrong with them, the server says. */

import { LiveError } from '@fluxstack/client'
import { useLive } from '@fluxstack/react'
import { useBound } from '@fluxstack/react/forms'
import { type FormEvent, useState } from 'react'
import { Field } from './field'
import { Profile, type ProfileShape } from './live.gen'
import { cameBack } from './outcome'
import { Failure, Section, Skeleton } from './section'
import { announce } from './toasts'

type Complaints = Readonly<Partial<Record<keyof ProfileShape['writable'], string>>>

export function ProfileForm() {
  const profile = useLive(Profile, {
    componentId: 'profile',
    onResume: cameBack,
    eventHandlers: {
      saved: ({ times }) => announce(times === 1 ? 'Saved.' : `Saved, ${times} times by now.`),
    },
  })
  const name = useBound(profile, 'name')
  const email = useBound(profile, 'email')
  const volume = useBound(profile, 'volume')
  const [complaints, complain] = useState<Complaints>({})
  const stale = profile.status === 'stale'

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault()
    if (stale) return
    try {
      await profile.call.save()
      complain({})
    } catch (cause) {
      if (cause instanceof LiveError && cause.code === 'INVALID') complain(cause.fields)
      else announce(cause instanceof LiveError ? cause.message : String(cause), 'bad')
    }
  }

  const touched = (field: keyof Complaints) => () => complain(({ [field]: _gone, ...others }) => others)
  return (
    <Section
      title="Profile"
      source="profile.rs"
      outcome={profile.outcome}
      about="Written as you type. The rules are in Rust, and so is the greeting."
    >
      {profile.status === 'mounting' && <Skeleton lines={11} />}
      {profile.status === 'failed' && <Failure error={profile.error} retry={profile.reset} />}
      {(profile.status === 'live' || stale) && (
        <form className="profile" data-stale={stale} onSubmit={(event) => void save(event)} noValidate>
          <p className="greeting" data-testid="profile-greeting" aria-live="polite">
            {profile.state.greeting}
          </p>
          <Field
            id="profile-name"
            label="Name"
            hint="At most 30 characters."
            type="text"
            autoComplete="off"
            bound={name}
            complaint={complaints.name}
            onTouched={touched('name')}
          />
          <Field
            id="profile-email"
            label="Email"
            hint="Stays on this server, for this tab."
            type="email"
            autoComplete="off"
            bound={email}
            complaint={complaints.email}
            onTouched={touched('email')}
          />
          <Field
            id="profile-volume"
            label={`Volume ${volume.value ?? 0}`}
            hint="The server takes 100 at most; the slider goes further."
            type="range"
            min={0}
            max={110}
            bound={volume}
            complaint={complaints.volume}
            onTouched={touched('volume')}
          />
          <div className="profile-foot">
            <button type="submit" className="primary" disabled={stale} data-testid="profile-save">
              Save
            </button>
            <p className="muted">
              Saved <span data-testid="profile-saved">{profile.state.saved}</span>×
            </p>
          </div>
        </form>
      )}
    </Section>
  )
}
