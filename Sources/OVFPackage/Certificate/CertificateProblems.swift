// What is wrong with a certificate file, bounded.
// SPDX-License-Identifier: Apache-2.0

/// Lines about a certificate file, few and short: they quote what a stranger wrote.
struct CertificateProblems {
    private(set) var lines: [String] = []

    /// Most lines.
    static let maximumCount = 100
    /// Longest line, in bytes.
    static let maximumLineByteCount = 500

    mutating func add(_ line: String) {
        guard lines.count <= Self.maximumCount else { return }
        lines.append(
            lines.count == Self.maximumCount
                ? "further problems are not listed" : line.quotable(upTo: Self.maximumLineByteCount))
    }
}
