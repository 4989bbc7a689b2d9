import { Modal } from "@mantine/core";
import { lazy, Suspense } from "react";
import { queryClient } from "../api/client";
import { code } from "../api/lost";
import { Lines } from "../ui/Async";

const AccountForm = lazy(() => code(() => import("../pages/AccountForm")));

/** Over the page, so that what was typed in it is still there afterwards. */
export function SessionEnded({ email }: { email: string }) {
  return (
    <Modal.Root opened onClose={() => undefined} lockScroll={false} centered size={400}>
      <Modal.Overlay blur={12} backgroundOpacity={0.4} />
      <Modal.Content aria-label="Your session ended">
        <Modal.Body p={24}>
          <Suspense fallback={<Lines count={4} />}>
            <AccountForm
              signUp={false}
              first={false}
              title="Your session ended"
              words="It ran out, or was ended elsewhere. Sign in, and this page goes on where it was."
              email={email}
              onDone={(signedIn) => {
                // Somebody else shall see nothing of what was here.
                if (signedIn !== email) window.location.assign("/");
                else void queryClient.invalidateQueries();
              }}
            />
          </Suspense>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
