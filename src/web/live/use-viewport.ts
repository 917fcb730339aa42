import type { RefObject } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'

/** The part of an element that the window shows, in its own pixels from its top. */
export interface Viewport {
  readonly top: number
  readonly bottom: number
}

/** Updated at most once per frame as the window scrolls or is resized. */
export function useViewport(element: RefObject<HTMLElement | null>): Viewport {
  const [viewport, setViewport] = useState<Viewport>({ top: 0, bottom: innerHeight })
  useLayoutEffect(() => {
    let scheduled = 0
    const measure = () => {
      scheduled = 0
      const top = -(element.current?.getBoundingClientRect().top ?? 0)
      setViewport((was) => (was.top === top ? was : { top, bottom: top + innerHeight }))
    }
    const schedule = () => {
      scheduled ||= requestAnimationFrame(measure)
    }
    // The list moves when something above it grows.
    const resizing = new ResizeObserver(schedule)
    resizing.observe(document.body)
    addEventListener('scroll', schedule, { passive: true })
    addEventListener('resize', schedule)
    measure()
    return () => {
      cancelAnimationFrame(scheduled)
      resizing.disconnect()
      removeEventListener('scroll', schedule)
      removeEventListener('resize', schedule)
    }
  }, [element])
  return viewport
}
