import { Button } from "@mantine/core";
import { Link } from "wouter";
import { to } from "../routes";
import { Empty } from "../ui/Async";

export default function NotFound() {
  return (
    <div className="page">
      <title>Not found · Mycorr</title>
      <Empty
        title="There is nothing here"
        page
        action={
          <Button component={Link} to={to.models}>
            Go to your Models
          </Button>
        }
      >
        <p>The address is mistyped, the thing was deleted, or it is not shared with you.</p>
      </Empty>
    </div>
  );
}
