import { TextInput, type TextInputProps } from "@mantine/core";

/** So many digits are a number that a script can count with. */
const DIGITS = 15;

/** A whole number that is not negative; nothing where nothing is typed. */
export function NumberField({
  value,
  onChange,
  ...rest
}: Omit<TextInputProps, "value" | "onChange"> & {
  value?: number | string;
  onChange?: (value: number | "") => void;
}) {
  return (
    <TextInput
      {...rest}
      inputMode="numeric"
      autoComplete="off"
      value={value ?? ""}
      onChange={(event) => {
        const digits = event.currentTarget.value.replace(/\D/g, "").slice(0, DIGITS);
        onChange?.(digits === "" ? "" : Number(digits));
      }}
    />
  );
}
