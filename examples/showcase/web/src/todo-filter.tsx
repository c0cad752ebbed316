/** Which rows are shown. The page's own business: the server does not hear of it. */

export type Which = 'all' | 'open' | 'done'

export interface Filter {
  readonly which: Which
  readonly words: string
}

const CHOICES: readonly { readonly which: Which; readonly label: string }[] = [
  { which: 'all', label: 'All' },
  { which: 'open', label: 'Open' },
  { which: 'done', label: 'Done' },
]

export function TodoFilter(props: { readonly value: Filter; readonly onChange: (filter: Filter) => void }) {
  const { value, onChange } = props
  return (
    <search className="todo-filter">
      <fieldset className="segments">
        <legend className="visually-hidden">Show</legend>
        {CHOICES.map(({ which, label }) => (
          <label key={which}>
            <input
              type="radio"
              name="which"
              className="visually-hidden"
              checked={value.which === which}
              onChange={() => onChange({ ...value, which })}
              data-testid={`filter-${which}`}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      <input
        type="search"
        aria-label="Find rows"
        placeholder="Find…"
        value={value.words}
        onChange={(event) => onChange({ ...value, words: event.target.value })}
        data-testid="filter-words"
      />
    </search>
  )
}
