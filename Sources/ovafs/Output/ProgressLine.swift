// The text of a progress bar.
// SPDX-License-Identifier: Apache-2.0

/// How far a command is, as one line that fits a terminal.
struct ProgressLine {
    /// What is being done, without control characters.
    let label: String
    let doneByteCount: UInt64
    let totalByteCount: UInt64
    /// Bytes that were really moved: holes are done at once, and say nothing about a rate.
    let movedByteCount: UInt64
    let seconds: Double

    private static let barColumns = 24
    private static let shortBarColumns = 8
    private static let labelColumns = 12
    /// What was done in less time says nothing about a rate.
    private static let shortestSample = 1.0

    /// The line, in at most `columns` columns; the parts that matter least are left out where it is narrow.
    func text(columns: Int) -> String {
        let short = TerminalText.shortened(label, to: Self.labelColumns)
        let bars = [(label, Self.barColumns), (label, Self.shortBarColumns), (short, Self.shortBarColumns)]
        let choices =
            bars.map { "\($0) [\(bar(of: $1))] \(percent)\(rate)\(timeLeft)" }
            + ["\(short) \(percent)\(rate)\(timeLeft)", "\(percent)\(rate)", "\(percent)"]
        return choices.first { TerminalText.columns(of: $0) <= columns } ?? ""
    }

    private var share: Double {
        totalByteCount > 0 ? Double(min(doneByteCount, totalByteCount)) / Double(totalByteCount) : 1
    }

    private var percent: String { "\(Int(share * 100))%" }

    private func bar(of columns: Int) -> String {
        let filled = Int(share * Double(columns))
        return String(repeating: "#", count: filled) + String(repeating: "-", count: columns - filled)
    }

    private var rate: String {
        guard seconds >= Self.shortestSample else { return "" }
        let bytesPerSecond = Double(movedByteCount) / seconds
        // The largest number that is one of UInt64's, too.
        let limit = Double(sign: .plus, exponent: 63, significand: 1)
        return " \(ByteCount.text(UInt64(min(bytesPerSecond, limit))))/s"
    }

    private var timeLeft: String {
        guard seconds >= Self.shortestSample, share > 0 else { return "" }
        return " \(Self.duration(seconds * (1 - share) / share)) left"
    }

    /// Minutes and seconds, with hours where there are any.
    private static func duration(_ seconds: Double) -> String {
        let longest = 359_999.0
        let whole = seconds < longest ? Int(seconds) : Int(longest)
        let parts = (whole >= 3600 ? [whole / 3600] : []) + [whole % 3600 / 60, whole % 60]
        return parts.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}
