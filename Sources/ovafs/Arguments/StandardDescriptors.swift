// The descriptors that every program expects to have: input, output, errors.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import SystemPackage

enum StandardDescriptors {
    /// Puts /dev/null where the caller has closed one of the descriptors 0 to 2.
    ///
    /// The next file that is opened would get that number: a message would be written into a disk that is
    /// copied, and going into the background would replace the source. Using the descriptor still fails, as
    /// it is opened for the direction that no one uses it in.
    static func reserve() {
        for descriptor: CInt in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest number that is free is this one. It is not closed when a program is started.
            _ = unsafe open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
        }
    }

    /// The files and block devices that standard output and standard error can write to.
    static var outputs: [(descriptor: FileDescriptor, number: FileNumber)] {
        [FileDescriptor.standardOutput, .standardError].compactMap { descriptor in
            var status = stat()
            // SAFETY: the status lives for the call.
            guard unsafe fstat(descriptor.rawValue, &status) == 0,
                [S_IFREG, S_IFBLK].contains(status.st_mode & S_IFMT),
                fcntl(descriptor.rawValue, F_GETFL) & O_ACCMODE != O_RDONLY
            else { return nil }
            return (descriptor, FileNumber(status))
        }
    }

    /// Makes sure that nothing is written to any of `sources`, which `argument` is read from.
    /// - Throws: `CommandFailure` where standard output or standard error is one of them; its message is then lost
    ///   where it would be written to one.
    static func spare(_ sources: Set<FileNumber>, of argument: String) throws {
        let written = outputs.filter { DeviceStack.system.isAnySource(sources, changedBy: $0.number) }
        guard let first = written.first else { return }
        if written.contains(where: { $0.descriptor == .standardError }) {
            let null = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)
            dup2(null, FileDescriptor.standardError.rawValue)
            close(null)
        }
        let name = first.descriptor == .standardOutput ? "standard output" : "standard error"
        throw CommandFailure(
            status: .wrongUsage, message: "\(name) is what \(argument) is read from; nothing was written")
    }
}
