interface MarksProps {
  readonly isPatron: boolean
  readonly isMentor: boolean
}

/** Marks of patrons and mentors. Narrow screens show the signs without the words. */
export function Marks({ isPatron, isMentor }: MarksProps) {
  return (
    <>
      {isPatron && (
        <span class="mark mark-patron" title="Patron">
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M8 14 2.6 8.6a3.4 3.4 0 0 1 4.8-4.8l.6.6.6-.6a3.4 3.4 0 0 1 4.8 4.8Z" />
          </svg>
          <span class="mark-text">Patron</span>
        </span>
      )}
      {isMentor && (
        <span class="mark mark-mentor" title="Mentor">
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="m8 1.6 1.9 4.2 4.5.5-3.4 3 1 4.5L8 11.5l-4 2.3 1-4.5-3.4-3 4.5-.5Z" />
          </svg>
          <span class="mark-text">Mentor</span>
        </span>
      )}
    </>
  )
}
