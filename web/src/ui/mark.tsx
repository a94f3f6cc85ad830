/** The sign of this place: two who see each other. */
export function Mark({ class: name = '' }: { class?: string }) {
  return (
    <svg class={`mark ${name}`} viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="11.5" cy="16" r="6" class="mark-me" />
      <circle cx="20.5" cy="16" r="5" class="mark-you" />
    </svg>
  );
}
