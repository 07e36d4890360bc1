import Formats
import Testing

@Suite("Shown text controls no terminal")
struct HarmlessTests {
    /// None of these may reach a terminal or a reader unescaped.
    static let steering: [UInt32] =
        Array(0..<0x20) + Array(0x7F..<0xA0) + [0xAD, 0x061C] + Array(0x200B...0x200F) + Array(0x2028...0x202E)
        + Array(0x2060...0x206F) + [0xFEFF, 0xE0001, 0xE0041, 0xE007F, 0xE0100]
        + [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180F, 0x3164, 0xFFA0, 0xFFF9, 0xFFFB, 0xE0000, 0xE0FFF]

    private static func text(_ scalar: UInt32) -> ByteString {
        ByteString("a" + String(Unicode.Scalar(scalar).map(Character.init) ?? "?") + "b")
    }

    @Test("Control, bidi and invisible characters are escaped, on one line and on several")
    func scalars() {
        for scalar in Self.steering {
            let text = Self.text(scalar)
            #expect(text.terminalSafe.isPrintableASCII && !text.isTerminalSafe, "U+\(String(scalar, radix: 16))")
            let isKept = scalar == 0x0A || scalar == 0x09
            #expect(isKept ? text.terminalSafeLines == text : text.terminalSafeLines.isPrintableASCII)
            #expect(text.shellQuoted.isPrintableASCII && JSON.string(text).text.isPrintableASCII)
            #expect(JSON(JSON.string(text).text)?.string == text)
        }
    }

    @Test(
        "Bytes that are not UTF-8 are escaped one by one",
        arguments: [
            [0x9B], [0xC2], [0xFF], [0xC0, 0x80], [0xC1, 0x9B], [0xE0, 0x80, 0x9B], [0xED, 0xA0, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x80], [0x80], [0xF0, 0x80, 0x82, 0x9B],
        ] as [[UInt8]])
    func noText(_ bytes: [UInt8]) {
        let wanted = bytes.reduce(into: ByteString()) { $0 += "\\x" + Hex.digits(of: [$1]) }
        #expect(ByteString(bytes).terminalSafe == wanted)
        #expect(("é" + ByteString(bytes) + "!").terminalSafe == "é" + wanted + "!")
        #expect(JSON.string(ByteString(bytes)).text.lossy.utf8.elementsEqual(JSON.string(ByteString(bytes)).text.bytes))
    }

    @Test(
        "All other text stays unchanged",
        arguments: ["", "abc", "a\\x", "näïve", "日本", "emoji 🚀", "\u{A0}\u{2010}\u{2030}", "עברית"])
    func text(_ text: String) {
        #expect(ByteString(text).terminalSafe == ByteString(text) && ByteString(text).isTerminalSafe)
    }

    @Test("Escaped text shows what it was, and escaping it again changes nothing")
    func escapes() {
        let name: ByteString = "a\n\u{1B}[31m\u{9B}31m\u{202E}gnp"
        #expect(name.terminalSafe == "a\\n\\x1b[31m\\xc2\\x9b31m\\xe2\\x80\\xaegnp")
        #expect(name.terminalSafe.terminalSafe == name.terminalSafe)
        #expect(name.shellQuoted == "$'a\\n\\x1b[31m\\xc2\\x9b31m\\xe2\\x80\\xaegnp'")
        #expect(JSON.string(name).text == "\"a\\n\\u001b[31m\\u009b31m\\u202egnp\"")
    }

    @Test("No bytes at all come out as anything but text")
    func chance() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5_000 {
            let bytes = ByteString(
                (0..<12).map { _ in
                    [0xC2, 0xE2, 0x80, 0x9B, 0xAE, 0xF0, 0x41, UInt8.random(in: 0...255, using: &random)][
                        Int.random(in: 0..<8, using: &random)]
                })
            #expect(bytes.terminalSafe.isTerminalSafe, "\(bytes.bytes)")
        }
    }
}
