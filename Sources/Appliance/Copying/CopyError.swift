// Why a disk could not be copied.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import OVFPackage
package import SystemPackage

/// A copy that failed at one of its two ends.
package enum CopyError: Error, Equatable {
    /// The disk could not be read.
    case source(ReadError)
    /// A system call on the output failed with `errno`.
    case output(call: String, errno: CInt)
    /// The output is there already, and may not be replaced.
    case exists(FilePath)
    /// The output is nothing that a disk can be copied to; one line that says why, and what to do.
    case refused(String)
    /// The disk has more damaged places than a map of them may hold.
    case tooManyDamages(limit: Int)
}

extension CopyError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .source(let error): error.description
        case .output(let call, let errno): ReadError.system(call: call, errno: errno).description
        case .exists(let path): "\(path) is there already; --force replaces it"
        case .refused(let reason): reason
        case .tooManyDamages(let limit):
            "more than \(limit) places are damaged: too many to list, so the disk is not copied"
        }
    }
}

extension CopyError {
    /// The output at `path` would replace a file that the disk is read from.
    static func isSource(_ path: FilePath) -> CopyError {
        .refused("\(path) is what the disk is read from")
    }

    /// A system call on the output that failed, from swift-system's error.
    static func output(call: String, _ error: any Error) -> CopyError {
        .output(call: call, errno: (error as? Errno)?.rawValue ?? Errno.ioError.rawValue)
    }
}
