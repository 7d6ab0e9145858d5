// Comparing an image's data with the digest that its service has of it.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import OVFPackage

/// The digest of the data of an image, as its service says it.
package struct ImageDigest: Sendable, Equatable {
    /// Its name, such as `sha512`.
    package let algorithm: String
    /// Hexadecimal digits.
    package let digits: String

    package init(algorithm: String, digits: String) {
        self.algorithm = algorithm
        self.digits = digits
    }
}

extension VerificationReport {
    /// What became of the digest of an image service.
    package struct Image: Codable, Sendable, Equatable {
        package let state: State
        /// As the service names it.
        package let algorithm: String
        /// What the service says.
        package let expected: String
        /// What the data has; absent where that was not looked at.
        package let actual: String?

        package enum State: String, Codable, Sendable {
            case ok
            case wrong
            /// The digest is of a kind that is not known here.
            case unknown
        }
    }
}

extension Appliance {
    /// Reads all that the image service has of the image, as it is stored; nil where there is no service, or it has no digest.
    /// - Throws: What the data cannot be read for.
    package func checkImageDigest(
        progress: (_ bytesDone: UInt64) -> Void = { _ in }
    ) throws(ReadError) -> VerificationReport.Image? {
        guard let digest = image?.digest, let data = imageData else { return nil }
        guard let algorithm = DigestAlgorithm(spelling: Array(digest.algorithm.utf8)[...]) else {
            return VerificationReport.Image(
                state: .unknown, algorithm: digest.algorithm, expected: digest.digits, actual: nil)
        }
        var digester = MemberDigester([algorithm])
        var bytesDone: UInt64 = 0
        try digester.take(data) { count in
            bytesDone += UInt64(count)
            progress(bytesDone)
        }
        let actual = digester.finish()[algorithm] ?? ""
        let isRight = digest.digits.utf8.elementsEqual(actual.utf8) { one, other in
            one == other || one | 0x20 == other
        }
        return VerificationReport.Image(
            state: isRight ? .ok : .wrong, algorithm: digest.algorithm, expected: digest.digits,
            actual: actual)
    }

    /// What `checkImageDigest` reads, in bytes.
    package var imageDigestByteCount: UInt64 { image?.digest == nil ? 0 : imageData?.byteCount ?? 0 }
}

extension VerificationFailure {
    /// Another digest than the service's.
    static func ofImage(_ image: VerificationReport.Image?) -> [VerificationFailure] {
        guard let image, image.state == .wrong else { return [] }
        return [
            VerificationFailure(
                .imageDigestWrong,
                "the image's data is not what its service says: \(image.algorithm) is \(image.actual ?? ""), "
                    + "the service says \(image.expected)")
        ]
    }
}
