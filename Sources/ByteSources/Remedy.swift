// What a user can ask for so that something refused is shown all the same.
// SPDX-License-Identifier: Apache-2.0

/// An option that would change the answer. Errors carry it; each command puts it into the words of its own options,
/// so no message below the commands names one.
package enum Remedy: String, Sendable, Codable, Equatable {
    /// Opening leniently, which shows what is there.
    case lenient
    /// Following the symbolic links of a folder package that stay inside the folder.
    case linksInside = "links-inside"
    /// Letting opening take more memory.
    case openMemory = "open-memory"
}
