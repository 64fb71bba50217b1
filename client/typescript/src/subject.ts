import { createHash, createHmac } from "node:crypto";

import { normalizeEmail, normalizePhone } from "./address.js";

const minKeyBytes = 32;
const maxKeyBytes = 1024;

/**
 * The secret under which e-mail addresses and phone numbers are hashed, so that one address is one id, whoever writes it, and
 * the server never sees the address. The clients in other languages make the same ids. A key is printed as its id.
 *
 *     const key = SubjectKey.parse(process.env["CONSENTD_SUBJECT_KEY"] ?? "");
 *     const decision = await client.check({ controller: "example", subjectId: key.email(address), purpose: "marketing_email" });
 */
export class SubjectKey {
  readonly #secret: Uint8Array;
  /** 8 hexadecimal digits that follow from the secret; every id that is made under the key has them in it. */
  readonly id: string;

  /**
   * @param secret 32 to 1,024 random bytes, which are copied
   * @throws TypeError for another length
   */
  constructor(secret: Uint8Array) {
    if (secret.length < minKeyBytes || secret.length > maxKeyBytes) {
      const want = `want ${minKeyBytes} to ${maxKeyBytes}: openssl rand -hex 32 makes one`;
      throw new TypeError(`the key has ${secret.length} bytes, ${want}`);
    }
    this.#secret = Uint8Array.from(secret);
    this.id = this.#mac("consentd key id").slice(0, 8);
  }

  /**
   * Reads hexadecimal digits of either case, as a file or a variable has them; white space around them is left out.
   *
   * @throws TypeError for all else
   */
  static parse(text: string): SubjectKey {
    const digits = text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
    if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) {
      throw new TypeError("the key is not hexadecimal: openssl rand -hex 32 makes one");
    }
    return new SubjectKey(Buffer.from(digits, "hex"));
  }

  /**
   * The id of a person known by an e-mail address: email_hmac:<key id>.<hash>.
   *
   * @throws AddressError
   */
  email(address: string): string {
    return `email_hmac:${this.id}.${this.#mac(normalizeEmail(address))}`;
  }

  /**
   * The id of a person known by a phone number: phone_e164_hmac:<key id>.<hash>.
   *
   * @throws AddressError
   */
  phone(number: string): string {
    return `phone_e164_hmac:${this.id}.${this.#mac(normalizePhone(number))}`;
  }

  toString(): string {
    return `key ${this.id}`;
  }

  #mac(text: string): string {
    return createHmac("sha256", this.#secret).update(text, "utf8").digest("hex");
  }
}

/**
 * The id of a person known by an e-mail address, hashed without a key: email_sha256:<hash>. It is there for lists that are
 * exchanged in that form; whoever sees the id can find the address by trying.
 *
 * @throws AddressError
 */
export function emailSha256(address: string): string {
  return `email_sha256:${createHash("sha256").update(normalizeEmail(address), "utf8").digest("hex")}`;
}
