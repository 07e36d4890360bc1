import Formats
import Glibc
import Host
import TestSupport
import Testing

@testable import Doctor

/// Serialized: a program cannot be started while another test's fork still holds it open for writing.
@Suite("Programs that the doctor starts", .serialized)
enum Programs {}

extension ProcessContext {
    /// A user with a number of their own in a folder, with only the folder's `bin` and the machine's small tools.
    static func test(_ folder: TemporaryFolder, _ entries: ByteString...) -> ProcessContext {
        let path = folder["bin"] + ":/usr/bin:/bin"
        return ProcessContext(
            environment: entries + ["HOME=" + folder.path, "PATH=" + path], user: Kernel.userID,
            directory: folder.path, mask: 0o022, now: Clock.now, program: folder["none/bin/slipway"])
    }
}

extension [Finding] {
    /// The checks that gave a finding, in order.
    var checks: [Check] { map(\.check) }

    /// The details of one check.
    func details(_ check: Check) -> [ByteString] { filter { $0.check == check }.map(\.detail) }
}

/// Enough of a shim to be recognized as one.
let shimText: ByteString = "#!/bin/sh\n# SLIPWAY-SHIM\n"

/// From here on this process runs as an ordinary user, in a test with a process of its own.
func becomeNobody() {
    guard geteuid() == 0 else { return }
    #expect(setgroups(0, nil) == 0 && setgid(12_345) == 0 && setuid(12_345) == 0)
}
