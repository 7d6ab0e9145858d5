// Findings as they are gathered, bounded so that a hostile package cannot fill memory with them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A list of findings that stops growing.
struct WarningLog {
    private(set) var warnings: [PackageWarning] = []

    /// Most findings that are kept.
    static let maximumCount = 1_000
    /// Longest message, in bytes: it quotes what a package says.
    static let maximumMessageByteCount = 1_000

    /// Whether nothing more is kept.
    var isFull: Bool { warnings.count > Self.maximumCount }

    mutating func add(
        _ code: PackageWarning.Code, _ message: @autoclosure () -> String, line: Int? = nil,
        remedy: Remedy? = nil
    ) {
        guard !isFull else { return }
        if warnings.count == Self.maximumCount {
            warnings.append(PackageWarning(.more, "further findings are not listed"))
        } else {
            warnings.append(
                PackageWarning(
                    code, message().quotable(upTo: Self.maximumMessageByteCount), line: line, remedy: remedy))
        }
    }
}
