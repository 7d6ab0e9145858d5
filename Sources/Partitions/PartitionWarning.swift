// Something questionable about a partition table.
// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a table that was read all the same.
package struct PartitionWarning: Sendable, Equatable {
    package enum Kind: Sendable {
        /// A part of the table breaks a rule or cannot be read; the rest, or its copy, is shown.
        case damaged
        /// The MBR and the GPT list different partitions.
        case hybrid
        /// Partitions, or parts of them, are not on the disk.
        case outside
        /// Partitions share bytes.
        case overlap
    }

    package let kind: Kind
    /// One line.
    package let text: String
}
