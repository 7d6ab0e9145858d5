// What an image says of the disk that it builds on.
// SPDX-License-Identifier: Apache-2.0

/// A parent: the backing file of qcow2, the parent of a delta or of a differencing disk.
package struct ParentReference: Sendable, Equatable {
    /// Names of files beside the image, the best one first: bytes as stored, without any folder; the first that exists is
    /// the parent. Without any, the parent is the file whose image has one of `identities`.
    package let names: [[UInt8]]
    /// How the parent's bytes are understood.
    package let content: Content
    /// Identities of which the parent must have one; empty where the child does not say.
    package let identities: [ImageIdentity]

    package enum Content: Sendable, Hashable {
        /// By their content.
        case recognised
        /// As they are, whatever they look like.
        case raw
        /// As an image of this family, `qcow2` or `vmdk`; anything else is refused.
        case family(String)
        /// The child does not say, and should: refused, unless leniently, when they are recognised.
        case unstated
    }

    package init(names: [[UInt8]], content: Content = .recognised, identities: [ImageIdentity] = []) {
        self.names = names
        self.content = content
        self.identities = identities
    }
}
