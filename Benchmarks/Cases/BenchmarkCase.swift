// What is measured in one process: a name, its preparation and one operation to repeat.
// SPDX-License-Identifier: Apache-2.0

/// A case that can be prepared; the preparation is not measured.
package struct BenchmarkCase: Sendable {
    /// As it is called on command lines and in the thresholds.
    package let name: String
    /// One operation, in words.
    package let operation: String
    /// Whether it takes microseconds, so that a clock has to be read around many of them.
    package let isShort: Bool
    private let prepared: @Sendable () throws -> PreparedCase

    init(
        _ name: String, _ operation: String, isShort: Bool = false,
        prepared: @escaping @Sendable () throws -> PreparedCase
    ) {
        self.name = name
        self.operation = operation
        self.isShort = isShort
        self.prepared = prepared
    }

    /// Makes everything that the operation needs, and brings it into the steady state.
    /// - Throws: what the code that is measured throws, or `MissingInput`.
    package func prepare() throws -> PreparedCase {
        try prepared()
    }

    /// All cases, in the order of the report.
    package static let all: [BenchmarkCase] = DiskCases.all + StoredCases.all + PackageCases.all

    /// The case called `name`; nil where there is none.
    package static func named(_ name: String) -> BenchmarkCase? {
        all.first { $0.name == name }
    }
}

/// A case that is ready to be repeated, by one thread.
package struct PreparedCase {
    /// Performs the operation as often as it is told.
    package let run: (_ count: Int) throws -> Void
    /// How many bytes were read from the source so far.
    package let sourceByteCount: () -> UInt64
}

/// A case needs a file that is not on this machine.
package struct MissingInput: Error, CustomStringConvertible {
    package let description: String
}
