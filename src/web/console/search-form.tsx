import { useEffect, useState } from 'preact/hooks'
import { type Conditions, KINDS, STATES, sortsOf } from '../address/page-state.js'
import type { Navigate } from '../address/use-address.js'
import { SearchField } from '../parts/search-field.js'

interface SearchFormProps {
  readonly conditions: Conditions
  readonly navigate: Navigate
}

/** Conditions that must be the whole text. */
const EXACT = [
  ['user', 'User or owner', 'id, name of the owners file, hex:…, base58:…'],
  ['address', 'Address', '192.0.2.7'],
  ['client', 'Client', 'its whole text'],
] as const

const choicesOf = ({ state }: Conditions) =>
  [
    ['state', 'State', STATES],
    ['kind', 'Kind', KINDS],
    ['sort', 'Sort by', sortsOf(state)],
  ] as const

/** What operators search for. */
export function SearchForm({ conditions, navigate }: SearchFormProps) {
  const exact = EXACT.filter(([key]) => conditions[key] !== '').length
  // Once open it stays so, also where the last condition is emptied by typing.
  const [isOpen, setOpen] = useState(exact > 0)
  useEffect(() => setOpen((was) => was || exact > 0), [exact])
  return (
    <search>
      <div class="toolbar console-search">
        <SearchField
          label="Search all sessions"
          placeholder="Id, user, owner, address or client"
          value={conditions.query}
          onValue={(query) => navigate({ query })}
        />
        {choicesOf(conditions).map(([key, label, values]) => (
          <label class="choice" key={key}>
            <span class="visually-hidden">{label}</span>
            <select
              value={conditions[key]}
              onChange={(event) => navigate({ [key]: event.currentTarget.value })}
            >
              {Object.entries(values).map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </label>
        ))}
      </div>
      <details class="exact" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Exact filters{exact > 0 && ` (${exact})`}</summary>
        <div class="exact-fields">
          {EXACT.map(([key, label, hint]) => (
            <label class="field" key={key}>
              {label}
              <input
                type="text"
                autocomplete="off"
                spellcheck={false}
                placeholder={hint}
                value={conditions[key]}
                onInput={(event) => navigate({ [key]: event.currentTarget.value })}
              />
            </label>
          ))}
        </div>
      </details>
    </search>
  )
}
