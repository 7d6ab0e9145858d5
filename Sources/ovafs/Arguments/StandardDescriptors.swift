// The descriptors that every program expects to have: input, output, errors.
// SPDX-License-Identifier: Apache-2.0

import Glibc

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
}
