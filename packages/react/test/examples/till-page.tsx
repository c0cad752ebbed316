import type { ReactNode } from 'react'
import { Till } from './till-client.js'
import { useLiveShop, useShop } from './till-store.js'

export function TillPage(): ReactNode {
  const till = useLiveShop(Till, {
    globalState: {
      selector: (shop) => shop.coupon,
      bind: { coupon: (shop) => shop.coupon },
      updater: ({ coupon, total }) => ({ coupon, total }),
    },
  })
  if (!till.state) return <p>one moment</p>
  return (
    <form
      aria-label="till"
      action={(form) => till.updateGlobal({ coupon: String(form.get('coupon')) }, 'shop/coupon')}
    >
      <input name="coupon" aria-label="coupon" key={till.globalState} defaultValue={till.globalState} />
      <button type="button" onClick={() => till.call.add({ name: 'tea' })}>
        tea
      </button>
    </form>
  )
}

export function Total(): ReactNode {
  const total = useShop((shop) => shop.total)
  return <output>{total} cents</output>
}

export function Conflicts(): ReactNode {
  const last = useShop((shop) => shop.liveComponents.conflicts.at(-1))
  return last ? <p role="alert">{last.error?.message ?? `the till says ${last.server}`}</p> : null
}
