import { TextInput } from "@mantine/core";

/** To whom something is handed over. */
export function NewOwnerField({ email, onChange }: { email: string; onChange: (email: string) => void }) {
  return (
    <TextInput
      data-autofocus
      label="E-mail of the new owner"
      description="They need an account."
      type="email"
      autoComplete="off"
      value={email}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
