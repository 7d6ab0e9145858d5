// Tests of what people see on a terminal: bars that fit, numbers that make sense, names that command nothing.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ovafs

@Suite("Terminal output")
struct TerminalTests {
    private static func line(
        label: String = "disk1.raw", done: UInt64 = 512 << 20, of total: UInt64 = 1 << 30,
        moved: UInt64? = nil, after seconds: Double = 2
    ) -> ProgressLine {
        ProgressLine(
            label: label, doneByteCount: done, totalByteCount: total, movedByteCount: moved ?? done,
            seconds: seconds)
    }

    @Test("a line says how far, how fast and how long yet")
    func line() {
        #expect(
            Self.line().text(columns: 79)
                == "disk1.raw [############------------] 50% 256 MiB/s 00:02 left")
        #expect(Self.line(after: 7300).text(columns: 79).hasSuffix(" 02:01:40 left"))
    }

    @Test("what was done in no time says nothing about a rate", arguments: [0, 1e-9, 0.5, 0.99])
    func firstSample(seconds: Double) {
        let text = Self.line(after: seconds).text(columns: 79)
        #expect(text == "disk1.raw [############------------] 50%")
    }

    @Test("a hole counts as done and not as fast")
    func hole() {
        let text = Self.line(done: 1 << 62, of: 1 << 63, moved: 1 << 20).text(columns: 79)
        #expect(text.contains("50% 512 KiB/s 00:02 left"))
    }

    @Test(
        "no number traps, however large",
        arguments: [0, 1, 1 << 62, .max] as [UInt64], [0, 1e-300, 1, 1e300, .infinity, .nan])
    func extremes(count: UInt64, seconds: Double) {
        for total in [0, 1, count, .max] {
            let text = Self.line(done: count, of: total, moved: .max, after: seconds).text(columns: 79)
            #expect(text.contains("%"))
        }
    }

    @Test("a line is never wider than the terminal, and shows the share as long as it can")
    func widths() {
        for label in ["d", "disk1.raw", String(repeating: "long", count: 50), "磁盘磁盘磁盘磁盘磁盘磁盘"] {
            for columns in 1...200 {
                let text = Self.line(label: label, after: 9).text(columns: columns)
                #expect(TerminalText.columns(of: text) <= columns)
                #expect(text.contains("50%") == (columns >= 3))
            }
        }
    }

    @Test(
        "text takes the columns that a terminal gives it",
        arguments: [
            ("", 0), ("abc", 3), ("ä", 1), ("e\u{301}", 1), ("磁盘", 4), ("ﾊ", 1), ("한국", 4), ("🙂", 2),
            ("…", 1),
        ])
    func columns(text: String, columns: Int) {
        #expect(TerminalText.columns(of: text) == columns)
        #expect(TerminalText.columns(of: TerminalText.padded(text, to: 9)) == 9)
        for width in 0...9 {
            let short = TerminalText.shortened(text, to: width)
            #expect(TerminalText.columns(of: short) <= width)
            #expect(columns > width || short == text)
        }
    }

    @Test("no control character, and none that hides or turns text, reaches a terminal")
    func controls() throws {
        for value in Array(0..<0x300) + Array(0x600..<0x620) + Array(0x2000..<0x2100) + [0xfeff, 0xe0041] {
            let scalar = try #require(Unicode.Scalar(UInt32(value)))
            let shown = "a\(Character(scalar))b".onOneLine
            for scalar in shown.unicodeScalars where ![0x200c, 0x200d].contains(scalar.value) {
                #expect(
                    ![.control, .format, .lineSeparator, .paragraphSeparator].contains(
                        scalar.properties.generalCategory))
            }
            #expect(shown.onOneLine == shown)
        }
    }

    @Test(
        "numbers of bytes read well at the borders of their units",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_048_575, "1.0 MiB"), (10 << 20, "10 MiB"),
            (1 << 30, "1.0 GiB"), (.max, "16 EiB"),
        ] as [(UInt64, String)])
    func byteCounts(count: UInt64, text: String) {
        #expect(ByteCount.text(count) == text)
    }
}
