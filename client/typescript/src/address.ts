import { toASCII, toUnicode } from "tr46";

const maxEmailBytes = 254;
const maxLocalBytes = 64;
/** What is longer is no address, however it is composed. */
const maxGivenBytes = 1024;
const maxDomainBytes = 253;
const maxLabelBytes = 63;
const minPhoneDigits = 8;
const maxPhoneDigits = 15;

/** Why an address or a number has no id. What was given is not in it, so that it may be logged. */
export class AddressError extends TypeError {
  override readonly name = "AddressError";
}

const emailError = (problem: string) => new AddressError(`the e-mail address ${problem}`);
const phoneError = (problem: string) => new AddressError(`the phone number ${problem}`);

/**
 * The one spelling of an e-mail address: trimmed, NFC, lower-cased by Unicode's default, without a locale (I is i in Turkey
 * too), the domain in ASCII by UTS #46, nontransitional. Dots, and what follows a plus, stay. ς is σ before the @, because
 * programs that lower-case Greek do not agree on it.
 *
 * @throws AddressError
 */
export function normalizeEmail(address: string): string {
  const given = trim(wellFormed(address, emailError));
  if (bytes(given) > maxGivenBytes) {
    throw emailError(`is longer than ${maxEmailBytes} bytes`);
  }
  const text = given.normalize("NFC");
  requireAddressAlone(text);
  const [local = "", domain = "", ...more] = lower(text).split("@");
  if (!text.includes("@") || more.length > 0) {
    throw emailError("must have one @");
  }
  requireLocal(local);
  const normal = `${local.replaceAll("ς", "σ")}@${asciiDomain(domain)}`;
  if (bytes(normal) > maxEmailBytes) {
    throw emailError(`is longer than ${maxEmailBytes} bytes`);
  }
  return normal;
}

/**
 * The one spelling of a phone number, that of E.164: + and 8 to 15 digits. Whether it exists is not looked at.
 *
 * @throws AddressError
 */
export function normalizePhone(number: string): string {
  const digits = trim(wellFormed(number, phoneError)).replace(/[ \u00a0\u2009\u202f\-\u2010-\u2013.]/g, "");
  if (digits.includes("(0)")) {
    throw phoneError("has (0), which is dialled within the country alone: leave it out");
  }
  const text = digits.replace(/[()]/g, "");
  if (text === "") {
    throw phoneError("is empty");
  }
  if (text.startsWith("00")) {
    throw phoneError("begins with 00: write + and the country code");
  }
  if (!text.startsWith("+")) {
    throw phoneError("must begin with + and the country code, such as +49 30 1234567");
  }
  requireDigits(text.slice(1));
  return text;
}

/** A 0 after the code of a country within which, and there alone, it is dialled first. */
const trunk = /^(?:20|27|31|32|33|41|43|44|46|49|60|61|62|63|64|66|81|82|84|86|90|91|92|98)0/;

function requireDigits(digits: string): void {
  const other = /[^0-9]/u.exec(digits);
  if (other !== null) {
    throw phoneError(`has the character ${nameOf(other[0])}: after the + come digits, spaces, hyphens, dots and parentheses`);
  }
  if (digits.startsWith("0")) {
    throw phoneError("begins with +0, and no country code does");
  }
  if (trunk.test(digits)) {
    throw phoneError("has a 0 after the country code, which is dialled within the country alone: leave it out");
  }
  if (digits.length < minPhoneDigits) {
    throw phoneError(`has fewer than ${minPhoneDigits} digits`);
  }
  if (digits.length > maxPhoneDigits) {
    throw phoneError(`has more than ${maxPhoneDigits} digits`);
  }
}

const bytes = (text: string) => Buffer.byteLength(text, "utf8");

/** Refuses half a surrogate pair: all of them would be hashed as the same character. */
function wellFormed(text: string, error: (problem: string) => AddressError): string {
  if (/\p{Cs}/u.test(text)) {
    throw error("is not valid Unicode: decode it as UTF-8");
  }
  return text;
}

/** Leaves out Unicode's White_Space at both ends; String.trim would take the byte order mark too, and leave U+0085. */
function trim(text: string): string {
  const characters = [...text];
  const space = /^\p{White_Space}$/u;
  let from = 0;
  let to = characters.length;
  while (from < to && space.test(characters[from] ?? "")) from++;
  while (to > from && space.test(characters[to - 1] ?? "")) to--;
  return characters.slice(from, to).join("");
}

/** Each character by itself: without context, Σ is σ at the end of a word too. */
function lower(text: string): string {
  return Array.from(text, (c) => c.toLowerCase())
    .join("")
    .normalize("NFC");
}

/** Spaces, controls, formats, what is not assigned, and what does not show although it counts as a letter or a mark. */
const hidden =
  /[\p{C}\p{Z}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]/u;

function requireAddressAlone(text: string): void {
  if (text === "") {
    throw emailError("is empty");
  }
  if (/[<>]/.test(text)) {
    throw emailError("has a name or angle brackets around it: give the address alone");
  }
  if (text.includes('"')) {
    throw emailError("has a quoted part, which is not supported");
  }
  if (/[()]/.test(text)) {
    throw emailError("has a comment: leave out what stands in parentheses");
  }
  const [local = "", ...domain] = text.split("@");
  // IDNA has rules for where a domain may have joiners.
  const found = hidden.exec(local + domain.join("@").replace(/[\u200c\u200d]/g, ""));
  if (found !== null) {
    throw emailError(`has the character ${nameOf(found[0])}, a space or one that does not show: type the address anew`);
  }
}

function nameOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function requireLocal(local: string): void {
  if (local === "") {
    throw emailError("has nothing before the @");
  }
  if (bytes(local) > maxLocalBytes) {
    throw emailError(`has more than ${maxLocalBytes} bytes before the @`);
  }
  const other = /[^a-z0-9!#$%&'*+\-/=?^_`{|}~.\u0080-\u{10ffff}]/u.exec(local);
  if (other !== null) {
    throw emailError(`has the character ${nameOf(other[0])} before the @, which is not supported`);
  }
}

/**
 * Only what is not ASCII yet, or begins as an encoded name does, goes to IDNA: the implementations of other languages differ
 * in what they refuse of the rest.
 */
function asciiDomain(given: string): string {
  const domain = given.replace(/[\u3002\uff0e\uff61]/g, "."); // what UTS #46 takes for a dot
  const labels = domain.split(".");
  if (domain === "") {
    throw emailError("has nothing after the @");
  }
  if (labels.includes("")) {
    throw emailError("has a domain with an empty part between dots");
  }
  if (labels.length === 1) {
    throw emailError("has a domain without a dot: write all of it, such as example.com");
  }
  const other = /[^a-z0-9.\-\u0080-\u{10ffff}]/u.exec(domain);
  if (other !== null) {
    throw emailError(`has the character ${nameOf(other[0])} in its domain, which no domain has`);
  }
  const ascii = /[^\x00-\x7f]/.test(domain) || labels.some((l) => l.startsWith("xn--")) ? internationalised(domain) : domain;
  requireDnsName(ascii);
  return ascii;
}

/** All checks, and nontransitional: ß, ς and joiners stay what they are. */
const uts46 = { checkBidi: true, checkHyphens: true, checkJoiners: true, useSTD3ASCIIRules: true };

function internationalised(domain: string): string {
  const refusal = () => emailError("has a domain that is no valid internationalised domain name");
  const ascii = toASCII(domain, uts46);
  if (ascii === null || !toUnicode(ascii, uts46).domain.split(".").every(lettersAlone)) {
    throw refusal();
  }
  try {
    requireDnsName(ascii);
  } catch {
    throw refusal();
  }
  return ascii;
}

/** With what IDNA 2008 excepts from its rule (RFC 5892, 2.6 and 2.9). */
const letters = /^(?:[\p{L}\p{M}\p{Nd}\-\u06fd\u06fe\u0f0b\u200c\u200d\u3007]|(?<=l)\u00b7(?=l))*$/u;
const lettersRefused = /[\u0640\u07fa\u1100-\u11ff\u302e\u302f\u3031-\u3035\u303b\ua960-\ua97f\ud7b0-\ud7ff]/u;

/**
 * Whether a label has what IDNA 2008 lets into one: no signs and emoji, which UTS #46 alone would pass. Of the characters
 * that are right in one context, the Catalan dot may be there, and the joiners, whose context tr46 checks.
 */
function lettersAlone(label: string): boolean {
  return letters.test(label) && !lettersRefused.test(label);
}

function requireDnsName(domain: string): void {
  if (domain.length > maxDomainBytes) {
    throw emailError(`has a domain of more than ${maxDomainBytes} bytes`);
  }
  const labels = domain.split(".");
  for (const label of labels) {
    if (label === "") {
      throw emailError("has a domain with an empty part between dots");
    }
    if (label.length > maxLabelBytes) {
      throw emailError(`has a domain with a part of more than ${maxLabelBytes} bytes`);
    }
    if (label.startsWith("-") || label.endsWith("-")) {
      throw emailError("has a domain with a part that begins or ends with a hyphen");
    }
  }
  if (/^[0-9]*$/.test(labels.at(-1) ?? "")) {
    throw emailError("has a number for a domain: write the domain's name");
  }
}
