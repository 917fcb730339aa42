/**
 * A line of bash in which a command writes to a pipe whose reader has left before. It ends with the exit code of the
 * command.
 */
export const unreadBy = (command: string) =>
  `dir=$(mktemp -d) && mkfifo "$dir/left"
  { : < "$dir/left"; rm -r "$dir"; ${command}; } | { exec <&-; : > "$dir/left"; }
  exit "\${PIPESTATUS[0]}"`
